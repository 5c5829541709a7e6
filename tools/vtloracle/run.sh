#!/bin/sh
# Runs the oracle: cases on standard input, answers on standard output.
# Needs the Debian packages default-jdk-headless, velocity, libjsonpath-java,
# libjson-smart-java, libasm-java, libslf4j-java, libcommons-lang-java and
# libcommons-collections3-java.
set -e
jars=/usr/share/java
path=
for jar in velocity commons-lang commons-collections3 json-path json-smart accessors-smart asm slf4j-api slf4j-nop; do
	path=$path:$jars/$jar.jar
done
exec java -cp "${path#:}" "$(dirname "$0")/Oracle.java"
