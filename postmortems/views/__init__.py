"""Pages of post-mortems: each opens its object through the gate, makes one service call, and renders."""
