"""Attempts to run a script through a text: known kinds of them, combined.

Each calls `hit(n)`, which the test defines; a browser in which it is called has run a script of ours.
"""

from __future__ import annotations

from itertools import product

HIT = "hit(1)"

SCRIPTS = [
    "<script>{hit}</script>",
    "<ScRiPt>{hit}</sCrIpT>",
    "<script >{hit}</script >",
    "<script/x>{hit}</script>",
    "<script\n>{hit}</script\n>",
    "<scr<script>ipt>{hit}</scr</script>ipt>",
    "<<script>{hit};//<</script>",
    "<script src=data:text/javascript,{hit}></script>",
    "<script type=module>{hit}</script>",
    "<script>{hit}<!--",
    "</script><script>{hit}</script>",
    "</title><script>{hit}</script>",
    "</textarea><script>{hit}</script>",
    "--><script>{hit}</script>",
    "]]><script>{hit}</script>",
    "<svg><script>{hit}</script></svg>",
    "<svg><script href=data:text/javascript,{hit} /></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror={hit}>",
    "<noscript><p title='</noscript><img src=x onerror={hit}>'>",
    "<template><script>{hit}</script></template>",
    "<iframe srcdoc='<script>parent.{hit}</script>'></iframe>",
    "<iframe src=javascript:parent.{hit}></iframe>",
    "<object data=javascript:{hit}></object>",
    "<embed src=javascript:{hit}>",
    "<base href=javascript:/a/+{hit}//><a href=1>x</a>",
    "<meta http-equiv=refresh content='0;url=javascript:{hit}'>",
    "<link rel=stylesheet href=javascript:{hit}>",
    "<style>@import 'javascript:{hit}';</style>",
    "<style>*{{background:url(javascript:{hit})}}</style>",
    "<div style=width:expression({hit})>x</div>",
    "<form action=javascript:{hit}><button>x</button></form>",
    "<form><button formaction=javascript:{hit}>x</button></form>",
    "<isindex action=javascript:{hit} type=image>",
    "<!--<img src='--><img src=x onerror={hit}//'>",
    "<![CDATA[<img src=x onerror={hit}>]]>",
    "<?xml version='1.0'?><script xmlns='http://www.w3.org/1999/xhtml'>{hit}</script>",
    "<xmp><p title='</xmp><svg/onload={hit}>'>",
    "<listing>&lt;img onerror={hit} src=x&gt;</listing>",
    "<table background=javascript:{hit}><tr><td>x",
    "<svg><a xlink:href=javascript:{hit}><text y=20>x</text></a></svg>",
    "<svg><animate onbegin={hit} attributeName=x dur=1s>",
    "<svg><set attributeName=href to=javascript:{hit} /></svg>",
    "<svg><foreignObject><iframe srcdoc='<img src=x onerror=parent.{hit}>'></foreignObject></svg>",
    "<svg><style><img src=x onerror={hit}></style></svg>",
    "<math><a xlink:href=javascript:{hit}>x</a></math>",
    "<input autofocus onfocus={hit}>",
    "<details open ontoggle={hit}>x</details>",
    "<video><source onerror={hit}></video>",
    "<dialog open onclose={hit}>x</dialog>",
    "<slot onslotchange={hit}></slot>",
    "<x contenteditable onbeforeinput={hit}>x</x>",
    "<marquee onstart={hit}>x</marquee>",
    "<portal src=javascript:{hit}>",
    "<object type=text/html data='data:text/html,<script>parent.{hit}</script>'></object>",
]
HANDLERS = [
    "<{tag} {event}={hit}>x</{tag}>",
    '<{tag} {event}="{hit}">x</{tag}>',
    "<{tag}/{event}={hit}//>x",
    "<{tag}\n{event}\n=\n{hit}>x",
]
TAGS = ["img src=x", "svg", "body", "a href=x", "details open", "b", "custom-element", "iframe src=x"]
EVENTS = ["onerror", "onload", "onmouseover", "onfocus autofocus tabindex=1", "onanimationstart", "onpageshow"]

SCHEMES = [
    "javascript:{hit}",
    "JaVaScRiPt:{hit}",
    "java\tscript:{hit}",
    "java&#10;script:{hit}",
    "java&NewLine;script:{hit}",
    "&#106;avascript:{hit}",
    "&#x6A;avascript:{hit}",
    "%6Aavascript:{hit}",
    " javascript:{hit}",
    "\x01javascript:{hit}",
    "javascript&colon;{hit}",
    "javascript&#58;{hit}",
    "javascript://x/%0a{hit}",
    "vbscript:{hit}",
    "data:text/html,<script>opener.{hit}</script>",
    "data:text/html;base64,PHNjcmlwdD5oaXQoMSk8L3NjcmlwdD4=",
    "data:image/svg+xml,<svg onload={hit}>",
    "blob:{hit}",
    "filesystem:{hit}",
    "view-source:javascript:{hit}",
    "feed:javascript:{hit}",
    "//x@javascript:{hit}",
    "file:///etc/passwd",
]
LINKS = [
    "[x]({url})",
    "[x](<{url}>)",
    "![x]({url})",
    "<{url}>",
    "[x][1]\n\n[1]: {url}",
    '[x]({url} "title")',
    "[![x]({url})]({url})",
]
MARKDOWN = [
    '[x](https://example.com "onmouseover={hit} x=\\"")',
    '[x](https://example.com\'onmouseover="{hit}")',
    '[x](https://example.com/"onmouseover="{hit}")',
    '![x" onerror="{hit}](x)',
    '!["onerror="{hit}"](/files/00000000-0000-0000-0000-000000000000/x)',
    '![x](/files/00000000-0000-0000-0000-000000000000/x"onerror="{hit})',
    '```"onmouseover={hit}\n<img src=x onerror={hit}>\n```',
    "```html\n<script>{hit}</script>\n```",
    "~~~<script>{hit}</script>\nx\n~~~",
    "`<script>{hit}</script>`",
    "``` <img src=x onerror={hit}>",
    "# <script>{hit}</script>",
    '## x" onmouseover="{hit}',
    "<script>{hit}</script>\n===",
    "- [x] <img src=x onerror={hit}>",
    "| <img src=x onerror={hit}> | b |\n|---|---|\n| <svg onload={hit}> | <script>{hit}</script> |",
    "a[^<script>{hit}</script>]\n\n[^<script>{hit}</script>]: <img src=x onerror={hit}>",
    '[^"onmouseover={hit}]\n\n[^"onmouseover={hit}]: x',
    "{{{{<script>{hit}</script>}}}}",
    '{{{{"onmouseover={hit}}}}}',
    "{{% include 'x' %}}<script>{hit}</script>",
    "https://example.com/<script>{hit}</script>",
    'https://example.com/"onmouseover="{hit}',
    '<https://example.com/"onmouseover="{hit}>',
    "\\<script>{hit}\\</script>",
    "&lt;script&gt;{hit}&lt;/script&gt;",
    "&#60;script&#62;{hit}&#60;/script&#62;",
    "\\u003cscript\\u003e{hit}\\u003c/script\\u003e",
    "\ufeff<script>{hit}</script>",
    "<\x00script>{hit}</script>",
    "\uff1cscript\uff1e{hit}\uff1c/script\uff1e",
    "\u202e<script>{hit}</script>",
    "[x]: javascript:{hit}\n\n[x]",
    "[x][]\n\n[x]: <javascript:{hit}>",
    "> <script>{hit}</script>",
    "1. <script>{hit}</script>",
    "***<script>{hit}</script>***",
    "~~<script>{hit}</script>~~",
    "    <script>{hit}</script>",
]
HTMX = [
    "<div hx-get='javascript:{hit}' hx-trigger=load></div>",
    "<div hx-on:load={hit}></div>",
    "<div hx-on--after-request={hit} hx-get=/ hx-trigger=load></div>",
    "<div data-hx-on:click={hit}>x</div>",
    "<div hx-vals='js:{{x:{hit}}}' hx-post=/ hx-trigger=load></div>",
    "<div hx-get=/ hx-trigger='load[{hit}]'></div>",
    "<div hx-live={hit}></div>",
    "<hx-partial hx-target=body><script>{hit}</script></hx-partial>",
    '<meta name=htmx-config content=\'{{"inlineScriptNonce":"x"}}\'>',
    "<a id=main name=csrfmiddlewaretoken href=x>x</a>",
    "<form id=htmx><input name=config></form>",
]
BROKEN_OUT = [
    "'-{hit}-'",
    '"-{hit}-"',
    '";{hit};//',
    "';{hit};//",
    "\\';{hit};//",
    "</script><svg onload={hit}>",
    "${{{hit}}}",
    "{{{{constructor.constructor('{hit}')()}}}}",
    "'\"><img src=x onerror={hit}>",
    '" autofocus onfocus={hit} x="',
    "' autofocus onfocus={hit} x='",
    '"><svg/onload={hit}>',
    "x' onclick='{hit}",
    'javascript:{hit}//"><img src=x onerror={hit}>',
    "jaVasCript:/*-/*`/*\\`/*'/*\"/**/oNcliCk={hit}//</stYle/</titLe/</teXtarEa/</scRipt/--!><sVg/oNloAd={hit}//>",
]


def vectors() -> list[str]:
    """All of them, each text once."""
    found = [text.format(hit=HIT) for text in (*SCRIPTS, *MARKDOWN, *HTMX, *BROKEN_OUT)]
    for shape, tag, event in product(HANDLERS, TAGS, EVENTS):
        found.append(shape.format(tag=tag, event=event, hit=HIT))
    for shape, scheme in product(LINKS, SCHEMES):
        found.append(shape.format(url=scheme.format(hit=HIT)))
    return list(dict.fromkeys(found))
