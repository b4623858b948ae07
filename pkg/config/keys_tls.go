package config

import "strings"

// tlsKeys are the keys of one creds.TLS. peer is whose certificate is checked;
// secret is what it protects; ca begins the names of the examples.
func tlsKeys(prefix, peer, secret, ca string) []Key {
	other := strings.TrimSuffix(strings.TrimSuffix(peer, "'s"), "'") // Splunk's, the brokers'
	return []Key{
		{
			Name: prefix + ".ca_file", Kind: String, Main: prefix == "hec.tls",
			Doc:     "PEM file with the certificate authorities that " + peer + " certificate is checked against. Empty, without a truststore either, takes those of the system.",
			Example: "/etc/auditlog-forwarder/" + ca + "-ca.pem",
		},
		{
			Name: prefix + ".truststore_file", Kind: String,
			Doc:     "Java truststore (JKS) or PKCS#12 store with the certificate authorities; those of ca_file, if that is given too, are trusted as well. Which of the two it is, is seen from its bytes.",
			Example: "/etc/auditlog-forwarder/" + ca + "-truststore.jks",
		},
		{
			Name: prefix + ".truststore_password", Kind: String, Secret: true, FromFile: true,
			Doc: "Password of the truststore. A JKS can do without, and is then not checked for damage.",
		},
		{
			Name: prefix + ".client_cert_file", Kind: String,
			Doc:     "PEM file with the certificate that is shown to " + other + ", the leaf first, then those between it and its CA. Needs client_key_file.",
			Example: "/etc/auditlog-forwarder/" + ca + "-client.pem",
		},
		{
			Name: prefix + ".client_key_file", Kind: String,
			Doc:     "PEM file with the private key of client_cert_file.",
			Example: "/etc/auditlog-forwarder/" + ca + "-client.key",
		},
		{
			Name: prefix + ".client_key_password", Kind: String, Secret: true, FromFile: true,
			Doc: "Password of client_key_file, if it is encrypted; or of the key in keystore_file, if it is not the store's.",
		},
		{
			Name: prefix + ".keystore_file", Kind: String,
			Doc:     "Java keystore (JKS) or PKCS#12 store with the client's certificate and key, in place of the two PEM files. It must hold one key only.",
			Example: "/etc/auditlog-forwarder/" + ca + "-client.p12",
		},
		{
			Name: prefix + ".keystore_password", Kind: String, Secret: true, FromFile: true,
			Doc: "Password of the keystore, and of the key in it unless client_key_password is given.",
		},
		{
			Name: prefix + ".server_name", Kind: String,
			Doc:     "Name that " + peer + " certificate must hold, in place of the one in the address. For addresses that are IPs or aliases.",
			Example: ca + ".example.com",
		},
		{
			Name: prefix + ".min_version", Kind: String, Values: []string{"1.2", "1.3"},
			Doc:     "Oldest version of TLS that is spoken.",
			Example: "1.2",
		},
		{
			Name: prefix + ".pinned_sha256", Kind: List,
			Doc: "SHA-256 fingerprints, in hex or base64, of the certificate or of its public key; " + peer + " certificate must match one of them. " +
				"It is checked as well as the certificate's chain, or alone where insecure_skip_verify is true.",
			Example: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		},
		{
			Name: prefix + ".insecure_skip_verify", Kind: Bool,
			Doc:     "Accept any certificate. Whoever sits on the way can then read everything, " + secret + " too; a warning is given at every start.",
			Example: "false",
		},
	}
}
