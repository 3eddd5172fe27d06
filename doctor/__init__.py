"""The doctor: asks DNS and the hosts whether what was deployed is what the world sees.

`python -m doctor --stack primary`. It needs the stack's outputs and nothing else of this project, sends only queries and
handshakes, and never a message. The parts, in the order a run goes through them:

- `outputs` reads what `pulumi stack output --json` says, `deployment` makes expectations of it;
- `world` is everything outside (resolver, sockets, trusted roots, clock), so that tests can put another one in its place;
- `probes` are the handshakes, `checks` compare what was heard with what is expected, each giving `findings`;
- `run` puts them in order, `report` prints, `cli` is the command.
"""
