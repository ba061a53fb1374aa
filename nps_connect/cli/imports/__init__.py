"""Move in from another tool: its responses, opt-outs, bounces and the surveys that it sent."""

COMMANDS = {
    "plan": "Show what an import would store; change nothing.",
    "apply": "Import the files of another tool. Nothing is sent.",
    "verify": "Compare the imported figures and opt-outs with the files.",
}
