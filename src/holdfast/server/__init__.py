# SPDX-License-Identifier: Apache-2.0
"""HTTP: what clients fetch, from memory. Needs the extra ``[server]`` to be run; the route itself needs nothing."""
