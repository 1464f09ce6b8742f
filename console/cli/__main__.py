"""Owns ``python -m console.cli``: the same as ``yunjian``, where the script is not installed.

Never does anything else.
"""

from console.cli import main

main()
