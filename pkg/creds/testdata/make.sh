#!/bin/sh
# Makes every store and key in this folder. Needs openssl 3 with its legacy
# provider, and the keytool of Java 17; run it anywhere:
#
#     pkg/creds/testdata/make.sh
#
# Nothing in here is secret: the keys protect nothing but the tests. What is
# good stays so for 100 years.
set -eu
cd "$(dirname "$0")"
find . -type f ! -name make.sh -delete
LONG=36500
PASS=changeit

kt() { keytool -J-Duser.language=en "$@" 2>/dev/null; }

# --- a CA, a server, clients -------------------------------------------------
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days $LONG \
	-subj "/CN=Test CA" -addext "keyUsage=critical,keyCertSign,cRLSign" -keyout ca.key -out ca.pem 2>/dev/null
# issue NAME EXTENSIONS KEYALGORITHM...
issue() {
	name=$1 ext=$2
	shift 2
	openssl req -newkey "$@" -nodes -subj "/CN=$name.example.com" -keyout "$name.key" -out "$name.csr" 2>/dev/null
	printf '%s\n' "$ext" >"$name.ext"
	openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days $LONG \
		-extfile "$name.ext" -out "$name.pem" 2>/dev/null
	rm "$name.csr" "$name.ext" 
}
issue splunk "subjectAltName=DNS:splunk.example.com
extendedKeyUsage=serverAuth" ec -pkeyopt ec_paramgen_curve:P-256
issue client "extendedKeyUsage=clientAuth" ec -pkeyopt ec_paramgen_curve:P-256
issue rsa "extendedKeyUsage=clientAuth" rsa:2048
issue ed25519 "extendedKeyUsage=clientAuth" ed25519
rm -f ca.srl ca.key
openssl x509 -in ca.pem -outform der -out ca.der

# --- private keys as openssl writes and wrote them ----------------------------
openssl ec -in client.key -out client-ec.key 2>/dev/null
openssl rsa -in rsa.key -traditional -out rsa-pkcs1.key 2>/dev/null
openssl pkcs8 -topk8 -in client.key -v2 aes-256-cbc -passout pass:$PASS -out client-aes.key
openssl pkcs8 -topk8 -in client.key -v2 aes-128-cbc -v2prf hmacWithSHA512 -passout pass:$PASS -out client-sha512.key
openssl pkcs8 -topk8 -in client.key -v2 des3 -v2prf hmacWithSHA1 -passout pass:$PASS -out client-des3.key
openssl pkcs8 -topk8 -in client.key -v1 PBE-SHA1-3DES -passout pass:$PASS -out client-pbe-3des.key
openssl pkcs8 -topk8 -in client.key -v1 PBE-SHA1-RC2-40 -provider legacy -provider default -passout pass:$PASS -out client-pbe-rc2-40.key
openssl pkcs8 -topk8 -in client.key -v1 PBE-SHA1-RC2-128 -provider legacy -provider default -passout pass:$PASS -out client-pbe-rc2-128.key
openssl pkcs8 -topk8 -in client.key -v1 PBE-MD5-DES -provider legacy -provider default -passout pass:$PASS -out client-md5-des.key
openssl pkcs8 -topk8 -in client.key -scrypt -passout pass:$PASS -out client-scrypt.key
openssl ec -in client.key -aes256 -passout pass:$PASS -out client-proctype.key 2>/dev/null
openssl rsa -in rsa.key -traditional -des3 -passout pass:$PASS -out rsa-proctype.key 2>/dev/null

# --- truststores ---------------------------------------------------------------
# trust FILE TYPE CERTIFICATE [OPTIONS FOR THE JVM...]
trust() {
	file=$1 type=$2 cert=$3
	shift 3
	kt "$@" -importcert -noprompt -alias testca -file "$cert" -keystore "$file" -storetype "$type" -storepass $PASS
}
trust trust.jks JKS ca.pem
trust trust.jceks JCEKS ca.pem
trust trust.p12 PKCS12 ca.pem
trust trust-legacy.p12 PKCS12 ca.pem -J-Dkeystore.pkcs12.legacy
trust trust-sha512.p12 PKCS12 ca.pem -J-Dkeystore.pkcs12.macAlgorithm=HmacPBESHA512 \
	-J-Dkeystore.pkcs12.certProtectionAlgorithm=PBEWithHmacSHA512AndAES_128
trust trust-plain.p12 PKCS12 ca.pem -J-Dkeystore.pkcs12.macAlgorithm=NONE -J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE
trust trust-only-mac.p12 PKCS12 ca.pem -J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE
trust trust-only-encrypted.p12 PKCS12 ca.pem -J-Dkeystore.pkcs12.macAlgorithm=NONE
trust trust-slow.p12 PKCS12 ca.pem -J-Dkeystore.pkcs12.macIterationCount=100000
openssl pkcs12 -export -nokeys -in ca.pem -passout pass:$PASS -out trust-openssl.p12
openssl pkcs12 -export -nokeys -in ca.pem -passout pass: -out trust-empty-password.p12
openssl pkcs12 -export -nokeys -in ca.pem -passout pass:pässwörd€ -out trust-unicode.p12
for type in JKS PKCS12; do
	ext=$(echo $type | sed 's/JKS/jks/; s/PKCS12/p12/')
	trust empty.$ext $type ca.pem
	kt -delete -alias testca -keystore empty.$ext -storepass $PASS
done

# expired and not yet valid: keytool can be told when it is
kt -genkeypair -alias old -keyalg EC -dname CN=old -startdate "2010/01/01 00:00:00" -validity 365 \
	-keystore tmp.p12 -storetype PKCS12 -storepass $PASS
kt -genkeypair -alias future -keyalg EC -dname CN=future -startdate "2120/01/01 00:00:00" -validity 365 \
	-keystore tmp.p12 -storetype PKCS12 -storepass $PASS
for name in old future; do
	kt -exportcert -rfc -alias $name -keystore tmp.p12 -storepass $PASS -file $name.pem
	trust $name.jks JKS $name.pem
	kt -importkeystore -srckeystore tmp.p12 -srcstorepass $PASS -srcalias $name \
		-destkeystore $name-key.p12 -deststoretype PKCS12 -deststorepass $PASS
done
rm tmp.p12 old.pem

# --- keystores -----------------------------------------------------------------
cat client.pem ca.pem >client-chain.pem
cat rsa.pem ca.pem >rsa-chain.pem
openssl pkcs12 -export -in client-chain.pem -inkey client.key -name client -passout pass:$PASS -out key-openssl.p12
openssl pkcs12 -export -legacy -in client-chain.pem -inkey client.key -name client -passout pass:$PASS -out key-openssl-legacy.p12
openssl pkcs12 -export -in client-chain.pem -inkey client.key -name client -keypbe NONE -certpbe NONE -nomac -passout pass: -out key-plain.p12
# copy FILE TYPE [MORE...]: the client's key by keytool
copy() {
	file=$1 type=$2
	shift 2
	kt "$@" -importkeystore -srckeystore key-openssl.p12 -srcstorepass $PASS -srcalias client \
		-destkeystore "$file" -deststoretype "$type" -deststorepass $PASS
}
copy key.jks JKS
copy key.p12 PKCS12
copy key-legacy.p12 PKCS12 -J-Dkeystore.pkcs12.legacy
cp key.jks key-own-password.jks
kt -keypasswd -alias client -keypass $PASS -new another1 -keystore key-own-password.jks -storepass $PASS
openssl pkcs12 -export -in rsa-chain.pem -inkey rsa.key -name second -passout pass:$PASS -out tmp.p12
for store in jks p12; do
	cp key.$store two-keys.$store
	kt -importkeystore -srckeystore tmp.p12 -srcstorepass $PASS -srcalias second -destkeystore two-keys.$store -deststorepass $PASS
	# a key and a CA in one store, as many have it
	cp key.$store both.$store
	kt -importcert -noprompt -alias testca -file ca.pem -keystore both.$store -storepass $PASS
done
rm tmp.p12
