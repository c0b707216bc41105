"""Texts to raters: a gateway of the bureau's, and the channel that turns a message into a text with a link."""
