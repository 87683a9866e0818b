# bench.awk: turns what bench.sh measured into the table, bench.csv and
# bench.svg. Input: lines of "key <tab> system <tab> value", sorted by all
# three. Of several values the median counts.

function key_done() {
	if (n > 0)
		median[key] = (value[int((n + 1) / 2)] + \
			value[int(n / 2) + 1]) / 2
	n = 0
}

{
	if ($1 SUBSEP $2 != key)
		key_done()
	key = $1 SUBSEP $2
	value[++n] = $3
}

# "": not measured.
function got(name, who) {
	return (name SUBSEP who) in median ? median[name, who] : ""
}

# --- rows, in the table and in bench.csv alike

function short(x) {
	if (x == "")
		return ""
	return sprintf(x >= 1000 ? "%.0f" : x >= 100 ? "%.1f" : \
		x >= 1 ? "%.2f" : "%.3f", x)
}

function columns(a, b, c, d, e, f,    text) {
	text = sprintf("%-52s %11s %11s %7s %8s %4s", a, b, c, d, e, f)
	sub(/ +$/, "", text)
	print text
}

function part(title, first, second) {
	section = title
	printf "\n"
	columns(title, first, second, second == "" ? "" : "ratio",
		title == "Goals" ? "goal" : "", title == "Goals" ? "met" : "")
}

# Remembers a goal for the picture; returns whether it is met.
function judge(what, ratio, sign, bound) {
	bars++
	bar_what[bars] = what
	bar_ratio[bars] = ratio
	bar_goal[bars] = bound
	bar_sign[bars] = sign
	bar_met[bars] = (sign == "<=" ? ratio <= bound : ratio >= bound) ? \
		"yes" : "no"
	return bar_met[bars]
}

# goal: "" or a number, with "<" before it when less is better. Without an x
# there is no row.
function row(what, unit, x, limit, goal,    ratio, sign, bound, met) {
	if (x == "")
		return
	ratio = limit != "" && limit + 0 > 0 ? x / limit : ""
	if (goal != "" && ratio != "") {
		sign = goal ~ /^</ ? "<=" : ">="
		bound = goal
		sub(/^</, "", bound)
		met = judge(what, ratio, sign, bound + 0)
	}
	columns(what ", " unit, short(x), short(limit),
		ratio == "" ? "" : sprintf("%.3f", ratio), sign bound, met)
	printf "\"%s\",\"%s\",\"%s\",%s,%s,%s,%s,%s\n", section, what, unit,
		short(x), short(limit),
		ratio == "" ? "" : sprintf("%.4f", ratio), sign bound, met >csv
}

# The same figure of two systems.
function both(what, unit, name, a, b, goal) {
	row(what, unit, got(name, a), got(name, b), goal)
}

# A figure of recado, and what it is compared with.
function ours(what, unit, name, limit, goal) {
	row(what, unit, got(name, "recado"), limit, goal)
}

# --- the parts of the table

function goals(    i, one) {
	part("Goals", "recado", "limit")
	goal_requests("64 clients", "64", "0.6")
	goal_requests("256 clients", "256", "0.8")
	goal_requests("1024 clients", "1024", "0.8")
	goal_requests("pipelined", "pipe", "0.5")
	for (i = 1; i <= 100; i *= 10)
		both("fan-out to " i ", delivered", "1/s", "fan." i,
			"recado", "stock", "0.95")
	one = got("rate.topics.1", "recado")
	ours("10 topics instead of 1, 256 clients", "1/s", "rate.topics.10",
		one, "0.9")
	ours("1000 topics instead of 1, 256 clients", "1/s",
		"rate.topics.1000", one, "0.7")
	for (i = 64; i <= 1024 && got("rate." i, "redis") != ""; i *= 4)
		both("publishes against redis XADD, " i " clients", "1/s",
			"rate." i, "recado", "redis", "0.75")
	ours("latency p50, 1 client; echo + sync", "us", "p50.1",
		got("p50.1", "echo") + got("p50.append", "disk"), "<1.3")
	ours("history in " lines " lines against 1000, p50", "us",
		"history.big", got("history.small", "recado"), "<2")
	ours("start, " topics " topics, " lines " messages", "ms", "start",
		1000, "<1")
	ours("server memory after that start", "MiB", "startmem", 64, "<1")
	goal_idle("broker")
	goal_idle("proxy")
	goal_idle("server")
}

function goal_requests(load, name, goal) {
	both("publishes, " load, "1/s", "rate." name, "recado", "echo", goal)
}

# "No CPU" is taken as a thousandth of a core: a heartbeat each second costs
# something.
function goal_idle(name) {
	ours("idle " name ", CPU", "%", "idle." name, 0.1, "<1")
	ours("idle " name ", memory", "MiB", "idlemem." name, 8, "<1")
}

function requests(    i, c, n) {
	part("Requests", "recado", "echo")
	n = split("1 16 64 256 1024 pipe", c, " ")
	for (i = 1; i <= n; i++)
		request("publishes", "1/s", "rate", c[i])
	for (i = 1; i <= n; i++) {
		request("latency p50", "us", "p50", c[i])
		request("latency p99", "us", "p99", c[i])
	}
	for (i = 1; i <= n; i++)
		request("CPU of the load generator", "%", "share", c[i])
}

function request(what, unit, name, c) {
	both(what ", " name_of(c), unit, name "." c, "recado", "echo", "")
}

function name_of(c) {
	return c == "pipe" ? "pipelined" : c == 1 ? "1 client" : c " clients"
}

function publications(    i) {
	part("Publications, flat out", "recado", "stock")
	for (i = 1; i <= 100; i *= 10) {
		both("fan-out to " i ", delivered", "1/s", "flat." i,
			"recado", "stock", "")
		both("fan-out to " i ", lost", "%", "flatlost." i,
			"recado", "stock", "")
	}
	ours("lost live while requests are pipelined", "%", "livelost", "", "")
}

# In memory (tmpfs) a sync does nothing.
function price() {
	part("The price of durability", "on disk", "in memory")
	price_of("group commit", "recado")
	price_of("plain server, one sync each", "plain")
}

function price_of(what, who,    i) {
	for (i = 1; i <= 64; i *= 64) {
		both(what ", " name_of(i), "1/s", "rate." i, who,
			"memory", "")
		both(what ", p50, " name_of(i), "us", "p50." i, who,
			"memory", "")
		both(what ", p99, " name_of(i), "us", "p99." i, who,
			"memory", "")
	}
}

function disk() {
	part("The disk: 200 bytes and fdatasync", "appended", "in place")
	row("syncs", "1/s", got("rate.append", "disk"),
		got("rate.place", "disk"), "")
	row("sync p50", "us", got("p50.append", "disk"),
		got("p50.place", "disk"), "")
	row("sync p99", "us", got("p99.append", "disk"),
		got("p99.place", "disk"), "")
}

function sizes() {
	part("Large data, CPU and memory", "recado", "")
	ours("catching up with " missed ", server alone", "1/s", "catchup",
		"", "")
	ours("catching up with " missed ", client sub", "1/s",
		"catchup.client", "", "")
	ours("publishes to " topics " topics, 256 clients", "1/s",
		"rate.many", "", "")
	ours("server memory after that", "MiB", "manymem", "", "")
	process("broker")
	process("proxy")
	process("server")
}

function process(name) {
	ours(name ", CPU per request, 256 clients", "us", "busy." name, "", "")
	ours(name ", memory then", "MiB", "busymem." name, "", "")
}

# --- the picture

function put_text(x, y, class, s) {
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	printf "<text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x, y,
		class, s >svg
}

function line(x, y, x2, y2, class) {
	printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" " \
		"class=\"%s\"/>\n", x, y, x2, y2, class >svg
}

function head(height) {
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" " \
		"height=\"%d\" viewBox=\"0 0 800 %d\">\n", height, height >svg
	print "<style>text{font:12px sans-serif;fill:#1f2328}" \
		".t{font-size:15px;font-weight:bold}" \
		".e{text-anchor:end}.m{text-anchor:middle}" \
		".s{font-size:11px;fill:#59636e}" \
		".g{stroke:#8b949e;stroke-opacity:.35}" \
		".k{stroke:#1f2328;stroke-width:2}" \
		".y{fill:#2f81f7}.n{fill:#db6d28}" \
		".r{stroke:#2f81f7}.l{stroke:#8b949e}" \
		".p{fill:none;stroke-width:2}.d{stroke-dasharray:5 4}" \
		"@media(prefers-color-scheme:dark){text{fill:#e6edf3}" \
		".s{fill:#9198a1}.k{stroke:#e6edf3}}" \
		"</style>" >svg
}

# The mark is the goal.
function draw_bar(i, y,    mark) {
	put_text(345, y + 13, "e", bar_what[i])
	printf "<rect x=\"355\" y=\"%d\" width=\"%.1f\" height=\"13\" " \
		"rx=\"2\" class=\"%s\"/>\n", y + 3,
		180 * (bar_ratio[i] > 2 ? 2 : bar_ratio[i]),
		bar_met[i] == "yes" ? "y" : "n" >svg
	mark = 355 + 180 * bar_goal[i]
	line(mark, y + 1, mark, y + 18, "k")
	put_text(728, y + 13, "", sprintf("%.2f", bar_ratio[i]))
}

# The bars of one kind, from y on; returns where they end. A bar longer than
# the scale is cut off there.
function draw_bars(y, sign, title,    i) {
	put_text(20, y, "t", title)
	y += 10
	for (i = 1; i <= bars; i++) {
		if (bar_sign[i] != sign)
			continue
		draw_bar(i, y)
		y += 20
	}
	return y + 26
}

function x_of(clients) {
	return 80 + 640 * log(clients) / log(1024)
}

function y_of(us) {
	return bottom - 220 * (log(us) - low) / (high - low)
}

function curve(key, who, class, label,    i, points, us) {
	for (i = 1; i <= counts; i++) {
		us = got(key "." count[i], who)
		if (us + 0 > 0)
			points = points sprintf(" %.1f,%.1f",
				x_of(count[i]), y_of(us))
	}
	printf "<polyline class=\"p %s\" points=\"%s\"/>\n", class,
		substr(points, 2) >svg
	line(legend, bottom + 42, legend + 28, bottom + 42, "p " class)
	put_text(legend + 34, bottom + 46, "s", label)
	legend += 165
}

function draw_latency(y,    i, us) {
	put_text(20, y, "t", "Latency by number of clients, one request each")
	bottom = y + 240
	low = log(50)
	high = log(500000)
	counts = split("1 16 64 256 1024", count, " ")
	for (us = 100; us <= 100000; us *= 10) {
		line(80, y_of(us), 720, y_of(us), "g")
		put_text(74, y_of(us) + 4, "s e", us / 1000 " ms")
	}
	for (i = 1; i <= counts; i++) {
		line(x_of(count[i]), bottom, x_of(count[i]), bottom - 220, "g")
		put_text(x_of(count[i]), bottom + 16, "s m", count[i])
	}
	legend = 90
	curve("p50", "recado", "r", "recado p50")
	curve("p99", "recado", "r d", "recado p99")
	curve("p50", "echo", "l", "echo, no disk: p50")
	curve("p99", "echo", "l d", "echo p99")
}

function picture(    y) {
	head(20 * bars + 470)
	put_text(20, 22, "s", machine)
	y = draw_bars(50, ">=",
		"More is better: ratio to the limit, at least the mark")
	y = draw_bars(y, "<=",
		"Less is better: ratio to the limit, at most the mark")
	draw_latency(y)
	print "</svg>" >svg
}

END {
	key_done()
	print machine
	print "part,what,unit,value,reference,ratio,goal,met" >csv
	goals()
	requests()
	publications()
	price()
	disk()
	sizes()
	printf "\n"
	picture()
}
