# SPDX-License-Identifier: Apache-2.0
"""A small world to show the product in: back ends, apps, attackers, on real TLS over loopback."""
