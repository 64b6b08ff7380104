"""Blocks that no test runs, each with the reason."""

from __future__ import annotations

FIRST_COMMANDS = """\
make demo   # set up, then watch a connection go bad and good again
make test   # set up, then run all the tests"""

IN_A_CLONE = """\
git clone <this repository> trixter && cd trixter
make demo    # sets up .venv, and runs a demonstration
make test    # installs the tools as well, and runs all the tests"""

CHECKS = """\
make check   # all of it
make format  # repairs what lint finds"""

INSTALLATION = "pip install ."

FROM_THE_REPOSITORY = 'pip install "git+<this repository>"'

FOR_TESTS = 'pip install "git+<this repository>" pytest requests'

FOR_SWEEPS = 'pip install "git+<this repository>" pytest'

ARCHIVES = "make dist"

BINARY = "make binary"

IMAGE = """\
docker build -t trixter .
docker run --network host -it --rm trixter \\
  --listen 0.0.0.0:8080 \\
  --upstream 127.0.0.1:8181 \\
  --api 127.0.0.1:8888 \\
  --delay-ms 0 \\
  --throttle-rate-bytes 0 \\
  --slice-size-bytes 0 \\
  --corrupt-probability-rate 0.0 \\
  --terminate-probability-rate 0.0 \\
  --connection-duration-ms 0 \\
  --random-seed 42"""

IMAGE_ON_ITS_NETWORK = """\
docker run --rm -p 8080:8080 -p 127.0.0.1:8888:8888 --add-host host.docker.internal:host-gateway trixter \\
  --listen 0.0.0.0:8080 --upstream host.docker.internal:8181 --api 0.0.0.0:8888"""

COMPOSE = """\
docker compose --file examples/compose/compose.yaml up --build --wait
curl http://127.0.0.1:8000/
curl -X PATCH http://127.0.0.1:8888/connections/_all/delay \\
  -H 'Content-Type: application/json' -d '{"delay_ms":5000}'
curl http://127.0.0.1:8000/"""

KUBERNETES = """\
kubectl create secret generic chaos-token --from-literal=token="$(openssl rand -hex 16)"
kubectl apply -f deploy/kubernetes/
kubectl exec deploy/shop -c trixter -- trixter ls
kubectl exec deploy/shop -c trixter -- trixter set --all --delay-ms 5000"""

ZSH = 'eval "$(_TRIXTER_COMPLETE=zsh_source trixter)"'

FISH = "_TRIXTER_COMPLETE=fish_source trixter | source"

KAFKA_LISTENERS = """\
listeners=INTERNAL://0.0.0.0:9092,CHAOS://0.0.0.0:9093
advertised.listeners=INTERNAL://kafka:9092,CHAOS://127.0.0.1:19093
listener.security.protocol.map=INTERNAL:PLAINTEXT,CHAOS:PLAINTEXT
inter.broker.listener.name=INTERNAL"""

KAFKA_PROXY = "trixter --listen 127.0.0.1:19093 --upstream kafka:9093 --api 127.0.0.1:8888"

MONGODB_DIRECT = """\
trixter --listen 127.0.0.1:27117 --upstream 127.0.0.1:27017 --api 127.0.0.1:8888
mongosh 'mongodb://127.0.0.1:27117/?directConnection=true'"""

MONGODB_HOSTS = """\
127.0.0.1  mongo-1
127.0.0.2  mongo-2
127.0.0.3  mongo-3"""

MONGODB_PROXIES = """\
trixter --listen 127.0.0.1:27017 --upstream 192.0.2.1:27017 --api 127.0.0.1:8881 &
trixter --listen 127.0.0.2:27017 --upstream 192.0.2.2:27017 --api 127.0.0.1:8882 &
trixter --listen 127.0.0.3:27017 --upstream 192.0.2.3:27017 --api 127.0.0.1:8883 &"""

MONGODB_HORIZONS = """\
cfg = rs.conf()
cfg.members[0].horizons = { chaos: "proxy.example:27117" }
cfg.members[1].horizons = { chaos: "proxy.example:27118" }
cfg.members[2].horizons = { chaos: "proxy.example:27119" }
cfg.version++
rs.reconfig(cfg)"""

SKIPPED = {
    FIRST_COMMANDS: "CI runs both, the tests as a part of `make check`: see .ci/run",
    IN_A_CLONE: "the same two, in a clone that is still to be made",
    CHECKS: "these tests are a part of the first; the second would change the code",
    INSTALLATION: "fetches from a package index; tests/packaging installs both archives instead",
    FROM_THE_REPOSITORY: "the same, from an address that this page cannot know",
    FOR_TESTS: "the same",
    FOR_SWEEPS: "the same",
    ARCHIVES: "tests/packaging builds both archives",
    BINARY: "tests/packaging builds the file",
    IMAGE: "needs a Docker engine; tests/packaging executes the Dockerfile, with these arguments",
    IMAGE_ON_ITS_NETWORK: "needs a Docker engine",
    COMPOSE: "the same; tests/packaging runs the programs, and does what the last two lines do",
    ZSH: "the pages are played in bash; tests/cli/test_completion.py asks bash for what it offers",
    FISH: "the same",
    KUBERNETES: "needs a cluster; tests/packaging runs the programs of the containers",
    KAFKA_LISTENERS: "needs Kafka",
    KAFKA_PROXY: "needs Kafka",
    MONGODB_DIRECT: "needs MongoDB",
    MONGODB_HOSTS: "needs MongoDB",
    MONGODB_PROXIES: "needs MongoDB",
    MONGODB_HORIZONS: "needs MongoDB",
}
"""A block's whole text → the reason."""
