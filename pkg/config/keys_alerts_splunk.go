package config

import (
	"slices"

	"auditlog-forwarder/pkg/alerts/deploy"
)

// alertSplunkKeys are the keys of alerts plan and alerts apply.
func alertSplunkKeys() []Key {
	const prefix = "alerts.splunk"
	return slices.Concat(grouped("Alerts over REST", []Key{
		{
			Name: prefix + ".url", Kind: String,
			Doc: "Address of Splunk's management API, https://host:8089; it is neither Splunk Web nor HEC. Only alerts plan and alerts apply need it. " +
				"Splunk Cloud opens the port on request to its support, and never for trial stacks: use alerts package there.",
			Example: "https://splunk.example.com:8089",
		},
		{
			Name: prefix + ".token", Kind: String, Secret: true, FromFile: true,
			Doc: "Authentication token (Splunk Web, Settings, Tokens). It is not a HEC token.",
		},
		{
			Name: prefix + ".username", Kind: String,
			Doc:     "User to sign in as, in place of a token.",
			Example: "alerts-deployer",
		},
		{
			Name: prefix + ".password", Kind: String, Secret: true, FromFile: true,
			Doc: "Password of alerts.splunk.username.",
		},
		{
			Name: prefix + ".app", Kind: String,
			Doc:     "Id of the app that the alerts and macros go to.",
			Example: "confluent_audit_alerts",
		},
		{
			Name: prefix + ".owner", Kind: String,
			Doc:     "User whose alerts they become. nobody means that they are the app's.",
			Example: "nobody",
		},
		{
			Name: prefix + ".sharing", Kind: String, Values: deploy.Sharings(),
			Doc:     "Where they are seen: app, in the app; global, in all apps; user, by the owner alone.",
			Example: deploy.SharingApp,
		},
		{
			Name: prefix + ".acl.read", Kind: List,
			Doc:     "Roles that may read them, * for all. Without any, the app's own permissions hold.",
			Example: "*",
		},
		{
			Name: prefix + ".acl.write", Kind: List,
			Doc:     "Roles that may change them. Without any, the app's own permissions hold.",
			Example: "admin, sc_admin",
		},
		{
			Name: prefix + ".timeout", Kind: Duration, Min: "100ms",
			Doc:     "How long one request may take. What reads is tried up to four times, what writes is sent again only where that cannot do harm.",
			Example: "30s",
		},
	}), grouped("TLS to Splunk's management API", tlsKeys(prefix+".tls", "Splunk's", "who signs in", "splunk")))
}

// alertDangers tells what the way to Splunk's management API risks.
func (l *Loaded) alertDangers(add adder) {
	s := l.Alerts.Splunk
	if s.UsesTLS() && s.TLS.InsecureSkipVerify && len(s.TLS.PinnedSHA256) == 0 {
		add("alerts.splunk.tls.insecure_skip_verify", "Splunk's certificate is not checked; anybody on the way can read the token or the password, and change the alerts")
	}
	if s.Open() {
		add("alerts.splunk.url", "the token or the password cross the network unencrypted; use https")
	}
}
