# SPDX-License-Identifier: Apache-2.0
"""What a pin is, when a certification path is acceptable, how long to wait.

Pure: bytes, values and ``now`` go in, a value or a :class:`~holdfast.errors.HoldfastError` comes out. No module of
this room reads a clock, a file or a socket.
"""
