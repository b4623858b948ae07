// Package hectest is an HTTP Event Collector (HEC) server that behaves as
// Splunk was measured to behave. Tests, the demo and the benchmark post to it
// over real HTTP. It shares no code with the HEC client on purpose: a mistake
// in one must show against the other.
//
// The behaviour comes from three kinds of source, and a test table in this
// package names the kind for every row.
//
// Measured on Splunk Enterprise 10.4.3 and Splunk Cloud 10.5 (or, for
// authentication, fields, arrays and HTML bodies, on a Splunk Enterprise whose
// version was not recorded):
//   - health does not look at the token; OPTIONS answers 200 without one;
//     404 and 405 carry the same JSON body.
//   - A refused event (codes 6, 12, 13, 15) is named by its index from 0, the
//     events before it are indexed, it and everything after it are not. Code 7
//     names the event after the bad one.
//   - An unknown envelope key answers 200 and silently drops its object and all
//     that follow; in a body's only object it answers code 5.
//   - Metadata of one object does not apply to the next. An object with fields
//     but no event is skipped with 200. Time is read by magnitude and kept to
//     the microsecond.
//   - Acknowledgement ids count from 0 in each channel; an id answers true
//     once and is then forgotten; another channel's id is false; an error that
//     follows indexed events still carries an ackId.
//   - deflate is refused with 415, malformed gzip with 400, both as HTML.
//   - Splunk Cloud says code 28 where Enterprise says code 10 (see [WithCloud]).
//
// Documented: the envelope keys and their query-string forms, separators
// between objects, an event limit of 5 MB, a body limit of 800 MiB, the token's
// default index and allowed indexes, idle connections closed after 12 s, idle
// acknowledgement channels removed after 600 s, HTTP/1.0 for clients without
// User-Agent, the texts of codes 0 to 27, the 400 for a missing sticky cookie
// (see [Cookie]), a new cookie with every reply of an Application Load Balancer.
//
// Inferred, because nobody measured it; the stricter reading was taken so that a
// client's mistake shows: metadata that is not a string, a time that is not
// decimal and an event that is true are code 6; a nested array in fields is
// code 15; the order of checks is route, token, encoding, size, channel, body,
// and inside an object syntax, unknown key, metadata, event, fields, size,
// index; the event limit counts the bytes of the event value; one /raw line is
// one event, whereas Splunk breaks lines as the sourcetype says. Invalid UTF-8
// is not refused. Not imitated: metrics indexes, auto_extract_timestamp, mint, s2s.
package hectest
