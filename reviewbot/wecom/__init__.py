"""The only room that knows WeCom: tokens, calls, error table, messages out and callbacks in."""
