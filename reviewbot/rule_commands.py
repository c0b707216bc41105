"""The commands about rules: versions of the policy, versions of the calendar."""

import typer

policy_app = typer.Typer(no_args_is_help=True, help="规则：检查、推演、施行、版本。")
calendar_app = typer.Typer(no_args_is_help=True, help="工作日历：检查、施行、版本。")
