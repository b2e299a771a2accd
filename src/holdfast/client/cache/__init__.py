# SPDX-License-Identifier: Apache-2.0
"""What lies on disk: exact bytes, written whole or not at all, shared by all processes of an app."""
