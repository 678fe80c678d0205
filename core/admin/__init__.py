"""Setting up and looking after: init, plan and install, connect, doctor, pause."""
