# SPDX-License-Identifier: Apache-2.0
"""Mutation testing of ``core/`` and ``trust/``: each check is broken in turn, and some test must notice.

``make mutation`` runs it. :mod:`tests.mutation.mutants` says what is changed, :mod:`tests.mutation.coverage_map` which
tests reach which line, :mod:`tests.mutation.runner` runs them in forks that import the changed module, and
``survivors.toml`` explains each change that no test can notice, because it changes nothing that matters.
"""
