# SPDX-License-Identifier: Apache-2.0
"""The pinned TLS context, its sockets, and everything between OpenSSL and the verdict."""
