# SPDX-License-Identifier: Apache-2.0
"""The SDK: fetch, keep and enforce. Decisions are in :mod:`holdfast.core` and :mod:`holdfast.trust`; this room does."""
