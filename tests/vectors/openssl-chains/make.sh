#!/bin/sh
# Makes the certificates of this folder with the openssl command. Run it again only to add a case: keys are random.
set -eu
cd "$(dirname "$0")"
days="-days 3650"

key() { # name algorithm
    case $2 in
        p256) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" ;;
        p384) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$1.key" ;;
        ed25519) openssl genpkey -algorithm ed25519 -out "$1.key" ;;
        rsa) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.key" ;;
    esac
}

root() { # name algorithm
    key "$1" "$2"
    openssl req -x509 -new -key "$1.key" -subj "/CN=$1" $days -out "$1.pem" \
        -addext keyUsage=critical,keyCertSign,cRLSign
}

issued() { # name algorithm issuer extensions [options of openssl x509]
    name=$1 algorithm=$2 issuer=$3 extensions=$4
    shift 4
    key "$name" "$algorithm"
    openssl req -new -key "$name.key" -subj "/CN=$name" -out "$name.csr"
    printf '%b\n' "$extensions" > "$name.ext"
    openssl x509 -req -in "$name.csr" -CA "$issuer.pem" -CAkey "$issuer.key" -CAcreateserial $days \
        -extfile "$name.ext" -out "$name.pem" "$@"
}

ca="basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign"
server="subjectAltName=DNS:server.example,DNS:*.wild.example,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth"

for algorithm in p256 ed25519 rsa; do
    root "root-$algorithm" "$algorithm"
    issued "middle-$algorithm" "$algorithm" "root-$algorithm" "$ca"
    issued "server-$algorithm" "$algorithm" "middle-$algorithm" "$server"
done
root root-p384 p384
issued server-p384 p256 root-p384 "$server"
issued client p256 root-p256 "extendedKeyUsage=clientAuth"
issued plain p256 root-p256 "subjectAltName=DNS:server.example"
issued server-pss p256 root-rsa "$server" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sha256
issued server-sha1 p256 root-rsa "$server" -sha1
issued below-leaf p256 server-p256 "$server"
# What `openssl req -x509` makes without further options is a CA that serves as its own leaf.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=alone $days \
    -addext subjectAltName=DNS:server.example -keyout alone.key -out alone.pem
openssl req -x509 -new -key alone.key -subj /CN=version1 $days -config /dev/null -out version1.pem 2>/dev/null ||
    openssl x509 -req -in server-p256.csr -signkey server-p256.key $days -out version1.pem

# Private keys in the forms that people have.
openssl ec -in server-p256.key -out server-p256.sec1.key
openssl pkey -in server-p256.key -aes256 -passout pass:secret -out server-p256.encrypted.key
openssl rsa -in server-rsa.key -traditional -out server-rsa.pkcs1.key
for name in server-p256 server-ed25519 server-rsa; do
    openssl x509 -in "$name.pem" -noout -fingerprint -sha256 > "$name.sha256"
    openssl x509 -in "$name.pem" -noout -fingerprint -sha512 > "$name.sha512"
done
# Only the leaves' keys are needed.
rm -f ./*.csr ./*.ext ./*.srl root-*.key middle-*.key plain.key server-sha1.key server-pss.key below-leaf.key client.key alone.key server-p384.key

# Keys on the longer curves, self-signed.
for curve in 384 521; do
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-$curve -out own-p$curve.key
  openssl ec -in own-p$curve.key -out own-p$curve.sec1.key
  openssl req -x509 -key own-p$curve.key -subj /CN=example.org -addext subjectAltName=DNS:example.org -days 36500 \
    -out own-p$curve.pem
done

# May delegate its authority (RFC 9345 §4.2); may delegate, but not sign; may not sign.
for name in delegator mute-delegator mute; do key "$name" p256; done
usage=1.3.6.1.4.1.44363.44=DER:0500
openssl req -x509 -new -key delegator.key -subj /CN=delegator $days -out delegator.pem \
    -addext subjectAltName=DNS:server.example -addext keyUsage=digitalSignature -addext "$usage" \
    -addext basicConstraints=CA:FALSE
openssl req -x509 -new -key mute-delegator.key -subj /CN=mute-delegator $days -out mute-delegator.pem \
    -addext subjectAltName=DNS:server.example -addext keyUsage=keyAgreement -addext "$usage" \
    -addext basicConstraints=CA:FALSE
openssl req -x509 -new -key mute.key -subj /CN=mute $days -out mute.pem \
    -addext subjectAltName=DNS:server.example -addext keyUsage=keyAgreement -addext basicConstraints=CA:FALSE
