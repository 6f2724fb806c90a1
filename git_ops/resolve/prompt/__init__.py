"""What a model is told about a cluster of conflicted files.

* Roles have names, TARGET and AGENT; "ours" and "theirs" mean the opposite of each other in a merge and a rebase.
* Everything that comes from the repository or from people stands inside a fence whose name can't be guessed
  beforehand and isn't in the data: it is data, whatever it says.
* `data` is the same, byte for byte, however often the same files are asked about: what a cache is for. What differs
  (which hunks, in which order the sides stand) is `question`.
"""

from git_ops.resolve.prompt.codec import Codec, codec_of, lines_of
from git_ops.resolve.prompt.data import write_data
from git_ops.resolve.prompt.question import write_blocks, write_correction, write_question
from git_ops.resolve.prompt.sheet import Entry, Sheet, sheet_of
from git_ops.resolve.prompt.system import SYSTEM

__all__ = [
    "SYSTEM",
    "Codec",
    "Entry",
    "Sheet",
    "codec_of",
    "lines_of",
    "sheet_of",
    "write_blocks",
    "write_correction",
    "write_data",
    "write_question",
]
