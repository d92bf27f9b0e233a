# One image for every process; docker-compose.yml says which runs what. It holds no secret and no setting.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install --quiet --require-hashes -r requirements.txt
COPY . .
# Collecting static files reads the settings, but none of these values stays: they belong to this one command.
RUN SECRET_KEY="only-for-this-one-command-of-the-build-and-never-used-again" DATABASE_URL=postgres://none@none/none \
    STATIC_ROOT=/static /venv/bin/python manage.py collectstatic --noinput

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STATIC_ROOT=/static FILES_ROOT=/files
RUN apt-get update && apt-get install --yes --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin debrief \
    && install -d -o debrief -g debrief -m 0700 /files
COPY --from=build /venv /venv
COPY --from=build /static /static
WORKDIR /app
COPY . .
USER debrief
VOLUME /files
EXPOSE 8000
# The worker's temporary files go to memory: a slow disk would look like a hung worker.
CMD ["gunicorn", "config.wsgi", "--bind=0.0.0.0:8000", "--worker-class=gthread", "--workers=2", "--threads=4", \
     "--worker-tmp-dir=/dev/shm", "--max-requests=5000", "--max-requests-jitter=500"]
