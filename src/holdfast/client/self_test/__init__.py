# SPDX-License-Identifier: Apache-2.0
"""The canary: a pin that can never match must refuse."""
