# SPDX-License-Identifier: Apache-2.0
"""Adapters for HTTP clients: thin, without rules of their own. Each needs the extra of its client."""
