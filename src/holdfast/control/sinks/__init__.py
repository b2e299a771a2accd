# SPDX-License-Identifier: Apache-2.0
"""Where publications go, behind :class:`holdfast.control.store.Sink`: one file a kind, none knows another."""
