"""Setting up and maintaining: init, plan and install, connect, doctor, pause."""
