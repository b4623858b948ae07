package spl

import (
	"strings"

	"auditlog-forwarder/pkg/sigma"
)

// ofSplunk are the fields that Splunk gives every event. Its search would ask
// them and not the event's member of that name.
const ofSplunk = "|host|index|linecount|punct|source|sourcetype|splunk_server|splunk_server_group|timestamp|timestartpos|timeendpos|eventtype|tag|"

// field is a path as both commands write it.
type field struct {
	search string // empty: the search command cannot name it
	where  string
}

// field names a path.
func (t *translator) field(p sigma.Path, line, column int) field {
	name := p.String()
	if strings.Contains(ofSplunk, "|"+name+"|") || strings.HasPrefix(name, "_") || strings.HasPrefix(name, "date_") {
		t.wrong(line, column, "%s: Splunk has a field of its own by this name, so a search cannot ask for the event's; ask for another member", name)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || strings.ContainsRune("'\"`\\", r) }) {
		t.wrong(line, column, "%s: a Splunk search cannot name a field with a quote, a backslash or a control character; ask for another member", name)
	}
	f := field{where: "'" + name + "'"}
	if isSearchName(name) {
		f.search = name
	}
	return f
}

// isSearchName reports whether the search command reads name as that of a
// field, without quotes. Times and other modifiers of it have no dots.
func isSearchName(name string) bool {
	for i := range len(name) {
		c := name[i]
		first := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
		later := c >= '0' && c <= '9' || strings.IndexByte(".{}-", c) >= 0
		if !first && (!later || i == 0) {
			return false
		}
	}
	switch strings.ToLower(name) {
	case "and", "or", "not", "in", "xor", "earliest", "latest", "savedsearch", "savedsplunk", "search",
		"starttime", "endtime", "starttimeu", "endtimeu", "timeformat", "daysago", "hoursago", "minutesago", "monthsago",
		"startdaysago", "starthoursago", "startminutesago", "startmonthsago", "enddaysago", "endhoursago", "endminutesago", "endmonthsago",
		"searchtimespandays", "searchtimespanhours", "searchtimespanminutes", "searchtimespanmonths",
		"eventtypetag", "hosttag", "sourcetypetag", "readlevel", "maxresults":
		return false
	}
	return !strings.HasPrefix(name, "index_") && !strings.Contains(name, "tag::")
}
