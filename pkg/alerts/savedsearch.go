package alerts

// Setting is one key of a stanza of a Splunk configuration file.
type Setting struct{ Key, Value string }

// Stanza is a stanza of savedsearches.conf, or of macros.conf.
type Stanza struct {
	Name     string
	Settings []Setting // in the order in which they are written
}
