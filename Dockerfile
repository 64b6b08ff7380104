# The proxy as an image: docker build -t trixter .
# Its arguments are the program's own; docs/install.md shows it at work.

FROM python:3.13-slim AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY docs ./docs
COPY requirements ./requirements
COPY src ./src
# With the versions that the tests run with.
RUN python -m venv /opt/trixter \
    && /opt/trixter/bin/pip install --no-cache-dir --constraint requirements/dev.txt . \
    && /opt/trixter/bin/pip uninstall --yes pip

FROM python:3.13-slim
LABEL org.opencontainers.image.title="trixter" \
      org.opencontainers.image.description="A TCP chaos proxy" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin trixter
COPY --from=build /opt/trixter /opt/trixter
# Unbuffered, so that the log appears at once. Subcommands in the container and the health check use the URL:
# set it, too, if --api is on another port.
ENV PATH=/opt/trixter/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TRIXTER_API_URL=http://127.0.0.1:8888
# By its number, so that Kubernetes can check that it is not root.
USER 10001
EXPOSE 8080 8888
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["python", "-c", "\
import os; from urllib import request; \
direct = request.build_opener(request.ProxyHandler({})); \
direct.open(os.environ['TRIXTER_API_URL'] + '/health', timeout=4)"]
ENTRYPOINT ["trixter"]
