"""Living blocks: sections that show rows in place. `base` says what one is; each app registers its own."""

from postmortems.blocks.analysis import (
    FactorsBlock,
    GlossaryBlock,
    LessonsBlock,
    MetricsBlock,
    ResponseBlock,
    WhysBlock,
)
from postmortems.blocks.base import Block as Block
from postmortems.blocks.base import block_of as block_of
from postmortems.blocks.base import cell as cell
from postmortems.blocks.base import missing_for_publication as missing_for_publication
from postmortems.blocks.base import register as register
from postmortems.blocks.incident import CommunicationsBlock, FactsBlock, ImpactBlock, TimelineBlock

for _block in (
    FactsBlock(),
    TimelineBlock(),
    ImpactBlock(),
    CommunicationsBlock(),
    MetricsBlock(),
    WhysBlock(),
    FactorsBlock(),
    ResponseBlock(),
    LessonsBlock(),
    GlossaryBlock(),
):
    register(_block)
