package config

import (
	"slices"

	"auditlog-forwarder/pkg/kafka"
)

// saslKeys are the keys of one kafka.SASL. section begins their names; user
// says whose name and password they are; required is for a section that
// cannot do without them by default.
func saslKeys(section, user, example string, required bool) []Key {
	prefix := section + ".sasl"
	needed := " Needed with SASL_SSL and SASL_PLAINTEXT, and PLAIN or SCRAM."
	if !required {
		needed = ""
	}
	return slices.Concat([]Key{
		{
			Name: prefix + ".mechanism", Kind: String, Values: kafka.Mechanisms(),
			Doc: "SASL mechanism. Confluent Cloud takes PLAIN with an API key and OAUTHBEARER with a token of your identity provider; " +
				"SCRAM is for other clusters. Client certificates need none: they go with " + section + ".security_protocol SSL.",
			Example: kafka.Plain,
		},
		{
			Name: prefix + ".username", Kind: String, Required: required, FromFile: true, Main: required,
			Doc:     "User name; " + user + "." + needed,
			Example: example,
		},
		{
			Name: prefix + ".password", Kind: String, Required: required, Secret: true, FromFile: true, Main: required,
			Doc: "Password; for Confluent Cloud the secret of the API key." + needed,
		},
	}, oauthKeys(prefix+".oauth"))
}

// oauthKeys are the keys of one kafka.OAuth.
func oauthKeys(prefix string) []Key {
	title := "OAUTHBEARER to Kafka"
	return slices.Concat(grouped(title, []Key{
		{
			Name: prefix + ".token_url", Kind: String,
			Doc: "Token endpoint of the identity provider, which is asked for tokens by the grant of client credentials. Needed with the mechanism OAUTHBEARER. " +
				"It is reached through the proxy of HTTPS_PROXY, if that is set.",
			Example: "https://idp.example.com/oauth2/token",
		},
		{
			Name: prefix + ".client_id", Kind: String, FromFile: true,
			Doc:     "Id of the client (application) at the identity provider.",
			Example: "auditlog-forwarder",
		},
		{
			Name: prefix + ".client_secret", Kind: String, Secret: true, FromFile: true,
			Doc: "Secret of the client. It goes to the token endpoint only, never to the broker.",
		},
		{
			Name: prefix + ".scope", Kind: String,
			Doc:     "Scopes that are asked for, split by spaces. Microsoft Entra ID wants api://<application id>/.default; empty asks for none.",
			Example: "kafka",
		},
		{
			Name: prefix + ".audience", Kind: String,
			Doc:     "Audience that is asked for, as the parameter audience of the request. Auth0 needs it; most others know the audience from the client or the scope.",
			Example: "https://kafka.example.com",
		},
		{
			Name: prefix + ".logical_cluster", Kind: String,
			Doc:     "Id of the Kafka cluster at Confluent Cloud, lkc-…, sent as the extension logicalCluster. Confluent Cloud needs it; other brokers do not look at it.",
			Example: "lkc-xxxxx",
		},
		{
			Name: prefix + ".identity_pool", Kind: String,
			Doc:     "Id of the identity pool at Confluent Cloud, pool-…, sent as the extension identityPoolId. It is the pool that has the rights.",
			Example: "pool-xxxxx",
		},
		{
			Name: prefix + ".extensions", Kind: List,
			Doc:     "Other SASL extensions for the broker, each name=value. Names are letters only.",
			Example: "traceId=forwarder",
		},
	}), grouped("TLS to the token endpoint", tlsKeys(prefix+".tls", "the token endpoint's", "the client secret", "idp")))
}
