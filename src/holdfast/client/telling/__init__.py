# SPDX-License-Identifier: Apache-2.0
"""Never silent: events for the app, reports and check-ins for the security team."""
