"""What other servers send: taken in, judged in the background, completed by asking."""
