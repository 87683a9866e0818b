# One image for all roles: the programs, the libraries that they load, and a
# static busybox, so that sh, cat and grep work in it. Everything else stays in
# the stage that compiles.
FROM debian:bookworm-slim AS build
WORKDIR /src
COPY deps.sh ./
RUN ./deps.sh && if ! command -v busybox; then apt-get update && \
	apt-get install -y --no-install-recommends busybox-static; fi
COPY Makefile *.c *.h ./
RUN make
RUN mkdir -p /image/bin /image/etc /image/tmp /volume && \
	programs='broker proxy server client bot logck' && \
	cp $programs /image/bin/ && (cd /image/bin && strip $programs) && \
	ldd /image/bin/* | sed -n 's/^[^/]*\(\/[^ :]*\) (.*/\1/p' | sort -u | \
		while read -r file; do cp -L --parents "$file" /image; done && \
	cp "$(command -v busybox)" /image/bin/busybox && \
	for name in $(busybox --list); do [ -e /image/bin/"$name" ] || \
		ln -s busybox /image/bin/"$name"; done && \
	echo 'recado:x:1000:1000::/data:/bin/sh' >/image/etc/passwd && \
	echo 'recado:x:1000:' >/image/etc/group && \
	for name in $programs; do chroot /image "$name" -V; done

FROM scratch
COPY --from=build /image /
# The volume takes its owner from here: the logs belong to the user that writes
# them.
COPY --from=build --chown=1000:1000 /volume /data
USER 1000:1000
WORKDIR /
VOLUME /data
CMD ["client", "-h"]
