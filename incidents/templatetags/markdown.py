"""Shows a text that was written in Markdown: `{{ event.text|markdown_inline }}`, `{{ incident.impact|markdown }}`."""

from django import template
from django.utils.safestring import SafeString

from incidents import markdown as renderer

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    return renderer.render(text)


@register.filter
def markdown_inline(text: str) -> SafeString:
    return renderer.render_inline(text)
