# SPDX-License-Identifier: Apache-2.0
"""The command line: one file a noun. It parses arguments and prints answers; it decides nothing."""
