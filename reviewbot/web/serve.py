"""The web application that uvicorn imports; built from the settings of its process."""

from reviewbot.embedded import settings_of_process
from reviewbot.logs import configure_logs
from reviewbot.web.app import create_app
from reviewbot.web.pages import page_routes
from reviewbot.wiring import build_house

settings = settings_of_process()
configure_logs(settings.log_format)
app = create_app(build_house(settings), page_routes())
