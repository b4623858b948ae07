package alerts

// Setting is one key of a stanza of a Splunk configuration file.
type Setting struct {
	Key, Value string
	Secret     bool // not to be shown: the address of a webhook
}

// Stanza is a stanza of savedsearches.conf, or of macros.conf.
type Stanza struct {
	Name     string
	Settings []Setting // in the order in which they are written
}
