package alerts

// query is what the rule asks, as Splunk's search language has it.
type query struct{ Search, Where string }

func (a *Alert) query() query { return query{Search: "data.methodName=*"} }
