"""The command line: every command by its name; what each does is in ``commands/``."""

import typer

from reviewbot.commands.base import plainly
from reviewbot.commands.checks import doctor, verify
from reviewbot.commands.demonstration import demo
from reviewbot.commands.directory import directory_app
from reviewbot.commands.figures import assistance, rates
from reviewbot.commands.letters import letters, templates
from reviewbot.commands.recalls import recalls_app
from reviewbot.commands.records import erase, import_file
from reviewbot.commands.rules import calendar_app, policy_app
from reviewbot.commands.serve import up
from reviewbot.commands.setup import city_app, token_app, wecom_app
from reviewbot.rules.diagram import diagram
from reviewbot.simulator.alone import simulator

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="差评工单：收评价、派单、催办、办结、问整改率。"
)
app.command()(up)
app.command("import")(import_file)
app.command()(rates)
app.command()(assistance)
app.command()(doctor)
app.command()(verify)
app.command()(erase)
app.command()(letters)
app.command()(templates)
app.command()(demo)
app.command()(plainly(simulator))
app.add_typer(token_app, name="token")
app.add_typer(city_app, name="city")
app.add_typer(directory_app, name="directory")
app.add_typer(policy_app, name="policy")
app.add_typer(calendar_app, name="calendar")
app.add_typer(recalls_app, name="recalls")
app.add_typer(wecom_app, name="wecom")


@app.command("diagram")
def show_diagram() -> None:
    """状态图（Mermaid），与 README 中的一致。"""
    typer.echo(diagram())
