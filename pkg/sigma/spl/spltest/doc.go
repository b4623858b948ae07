// Package spltest runs searches of Splunk's Search Processing Language (SPL)
// over a handful of events, so that a test can ask what a generated search
// finds. It is written after Splunk's documentation and knows nothing of how
// the searches are made. What it does not know, and what Splunk does not
// document, is an error: no part of a search is passed over in silence.
//
// Corpus gives the events that searches are tried on.
package spltest
