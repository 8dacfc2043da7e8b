# Both commands of the README, on a new Debian 12 with nothing but what it names:
#
#   docker build --shm-size=2g -t millrace .
FROM debian:12
RUN apt-get update && \
    apt-get install --yes --no-install-recommends g++ make cmake python3 python3-pip && \
    rm -rf /var/lib/apt/lists/*
COPY . /millrace
WORKDIR /millrace
RUN make demo
RUN make test
