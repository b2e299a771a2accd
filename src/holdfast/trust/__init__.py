# SPDX-License-Identifier: Apache-2.0
"""Who may say so: TUF metadata and workflow, on ``tuf.api.metadata``.

Pure: bytes and ``now`` go in, a verified value or a :class:`~holdfast.errors.HoldfastError` comes out; what has to be
brought from elsewhere is asked for through one callback, :data:`~holdfast.trust.verification.Fetch`.
"""
