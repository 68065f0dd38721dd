"""The person's side: the browser module and the demo page."""
