"""The web application that uvicorn imports; built from the settings of its process."""

from reviewbot.embedded import start_embedded
from reviewbot.logs import configure_logs
from reviewbot.settings import load_settings
from reviewbot.web.app import create_app
from reviewbot.web.pages import page_routes
from reviewbot.wiring import build_house

settings = start_embedded(load_settings())
configure_logs(settings.log_format)
app = create_app(build_house(settings), page_routes())
