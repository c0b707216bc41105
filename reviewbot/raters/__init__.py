"""Ways to raters: the 公众号's subscription message or a text, in the order the bureau has set, each with a link."""
