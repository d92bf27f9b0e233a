"""All data of an organisation as an archive, and back in again (docs/export.md).

Each app names its kinds of rows in its `portable.py` and registers them when it starts. `codecs` says how a value is
written, `kinds` what a line is, `archive` what the file is, `writing` and `reading` do it.
"""

from accounts.portable.kinds import Kind as Kind
from accounts.portable.kinds import register as register
