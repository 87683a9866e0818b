# bench.awk: makes the table, bench.csv and bench.svg out of what bench.sh measured: lines of
# "key <tab> who <tab> value", sorted by all three.

function key_done() {
	if (n > 0)
		v[key] = n % 2 ? value[(n + 1) / 2] : (value[n / 2] + value[n / 2 + 1]) / 2
	n = 0
}

{
	if ($1 SUBSEP $2 != key)
		key_done()
	key = $1 SUBSEP $2
	value[++n] = $3
}

function got(name, who) {
	return ((name SUBSEP who) in v) ? v[name, who] : ""
}

function short(x) {
	if (x == "")
		return ""
	return sprintf(x >= 1000 ? "%.0f" : x >= 100 ? "%.1f" : x >= 1 ? "%.2f" : "%.3f", x)
}

# The same figure of two of them.
function both(what, unit, name, a, b, goal) {
	row(what, unit, got(name, a), got(name, b), goal)
}

function columns(a, b, c, d, e, f,    text) {
	text = sprintf("%-52s %11s %11s %7s %8s %4s", a, b, c, d, e, f)
	sub(/ +$/, "", text)
	print text
}

# One line everywhere. goal: "" or a number, with "<" in front when less is better. What was not
# measured is left out.
function row(what, unit, x, limit, goal,    ratio, met, sign, bound) {
	if (x == "")
		return
	ratio = limit != "" && limit + 0 > 0 ? x / limit : ""
	if (goal != "" && ratio != "") {
		sign = goal ~ /^</ ? "<=" : ">="
		bound = goal
		sub(/^</, "", bound)
		met = (sign == "<=" ? ratio <= bound : ratio >= bound) ? "yes" : "no"
		bars++
		bar_what[bars] = what
		bar_ratio[bars] = ratio
		bar_goal[bars] = bound
		bar_sign[bars] = sign
		bar_met[bars] = met
	}
	columns(what ", " unit, short(x), short(limit), ratio == "" ? "" : sprintf("%.3f", ratio),
		sign bound, met)
	printf "\"%s\",\"%s\",\"%s\",%s,%s,%s,%s,%s\n", section, what, unit, short(x), short(limit),
		ratio == "" ? "" : sprintf("%.4f", ratio), sign bound, met >csv
}

function part(title, first, with) {
	section = title
	printf "\n"
	columns(title, first, with, with == "" ? "" : "ratio", title == "Goals" ? "goal" : "",
		title == "Goals" ? "met" : "")
}

function goals(    i) {
	part("Goals", "recado", "limit")
	both("publishes, 64 clients", "1/s", "rate.64", "recado", "echo", "0.6")
	both("publishes, 256 clients", "1/s", "rate.256", "recado", "echo", "0.8")
	both("publishes, 1024 clients", "1/s", "rate.1024", "recado", "echo", "0.8")
	both("publishes, pipelined", "1/s", "rate.pipe", "recado", "echo", "0.5")
	for (i = 1; i <= 100; i *= 10)
		both("fan-out to " i ", delivered", "1/s", "fan." i, "recado", "stock", "0.95")
	row("10 topics instead of 1, 256 clients", "1/s", got("rate.topics.10", "recado"),
		got("rate.topics.1", "recado"), "0.9")
	row("1000 topics instead of 1, 256 clients", "1/s", got("rate.topics.1000", "recado"),
		got("rate.topics.1", "recado"), "0.7")
	for (i = 64; i <= 1024 && got("rate." i, "redis") != ""; i *= 4)
		both("publishes against redis XADD, " i " clients", "1/s", "rate." i, "recado", "redis",
			"0.75")
	row("latency p50, 1 client; echo + sync", "us", got("p50.1", "recado"),
		got("p50.1", "echo") + got("p50.append", "disk"), "<1.3")
	row("history in " lines " lines against 1000, p50", "us", got("history.big", "recado"),
		got("history.small", "recado"), "<2")
	row("start, " topics " topics, " lines " messages", "ms", got("start", "recado"), 1000, "<1")
	row("server memory after it", "MiB", got("startmem", "recado"), 64, "<1")
	idle("broker")
	idle("proxy")
	idle("server")
}

# "No CPU" is taken as a thousandth of a core: the beats of each second cost something.
function idle(name) {
	row("idle " name ", processor", "%", got("idle." name, "recado"), 0.1, "<1")
	row("idle " name ", memory", "MiB", got("idlemem." name, "recado"), 8, "<1")
}

function requests(    i, c, n) {
	part("Requests", "recado", "echo")
	n = split("1 16 64 256 1024 pipe", c, " ")
	for (i = 1; i <= n; i++)
		both("publishes, " name_of(c[i]), "1/s", "rate." c[i], "recado", "echo", "")
	for (i = 1; i <= n; i++) {
		both("latency p50, " name_of(c[i]), "us", "p50." c[i], "recado", "echo", "")
		both("latency p99, " name_of(c[i]), "us", "p99." c[i], "recado", "echo", "")
	}
	for (i = 1; i <= n; i++)
		both("the load's own processor, " name_of(c[i]), "%", "share." c[i], "recado", "echo",
			"")
}

function name_of(c) {
	return c == "pipe" ? "pipelined" : c == 1 ? "1 client" : c " clients"
}

function process(name) {
	row(name ", processor for a request, 256 clients", "us", got("busy." name, "recado"), "", "")
	row(name ", memory then", "MiB", got("busymem." name, "recado"), "", "")
}

function others(    i) {
	part("Publications, flat out", "recado", "stock")
	for (i = 1; i <= 100; i *= 10) {
		both("fan-out to " i ", delivered", "1/s", "flat." i, "recado", "stock", "")
		both("fan-out to " i ", lost", "%", "flatlost." i, "recado", "stock", "")
	}
	row("lost live while requests are pipelined", "%", got("livelost", "recado"), "", "")

	part("The price of the promise", "with it", "without")
	price("group commit", "recado")
	price("a plain server, one sync each", "plain")
	part("The disk: 200 bytes and fdatasync", "appended", "in place")
	row("syncs", "1/s", got("rate.append", "disk"), got("rate.place", "disk"), "")
	row("sync p50", "us", got("p50.append", "disk"), got("p50.place", "disk"), "")
	row("sync p99", "us", got("p99.append", "disk"), got("p99.place", "disk"), "")

	part("Much data, and what the processes take", "recado", "")
	row("catching up with " missed ", the server alone", "1/s", got("catchup", "recado"), "", "")
	row("catching up with " missed ", client sub", "1/s", got("catchup.client", "recado"), "", "")
	row("publishes to " topics " topics, 256 clients", "1/s", got("rate.many", "recado"), "", "")
	row("server memory after that", "MiB", got("manymem", "recado"), "", "")
	process("broker")
	process("proxy")
	process("server")
}

# Without: recado with its data in memory (tmpfs), where a sync does nothing.
function price(what, who,    i) {
	for (i = 1; i <= 64; i *= 64) {
		row(what ", " name_of(i), "1/s", got("rate." i, who), got("rate." i, "memory"), "")
		row(what ", p50, " name_of(i), "us", got("p50." i, who), got("p50." i, "memory"), "")
		row(what ", p99, " name_of(i), "us", got("p99." i, who), got("p99." i, "memory"), "")
	}
}

# --- the picture

function put_text(x, y, class, s) {
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	printf "<text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x, y, class, s >svg
}

function line(x, y, x2, y2, class) {
	printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x, y, x2, y2,
		class >svg
}

function head(height) {
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" height=\"%d\" " \
		"viewBox=\"0 0 800 %d\">\n", height, height >svg
	print "<style>text{font:12px sans-serif;fill:#1f2328}.t{font-size:15px;font-weight:bold}" \
		".e{text-anchor:end}.m{text-anchor:middle}.s{font-size:11px;fill:#59636e}" \
		".g{stroke:#8b949e;stroke-opacity:.35}.k{stroke:#1f2328;stroke-width:2}" \
		".y{fill:#2f81f7}.n{fill:#db6d28}.r{stroke:#2f81f7}.l{stroke:#8b949e}" \
		".p{fill:none;stroke-width:2}.d{stroke-dasharray:5 4}" \
		"@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9198a1}" \
		".k{stroke:#e6edf3}}" \
		"</style>" >svg
}

# Bars of one kind, from y on; returns where they end. A bar longer than the scale is cut there.
function draw_bars(y, sign, title,    i, width) {
	put_text(20, y, "t", title)
	y += 10
	for (i = 1; i <= bars; i++) {
		if (bar_sign[i] != sign)
			continue
		width = 180 * (bar_ratio[i] > 2 ? 2 : bar_ratio[i])
		put_text(345, y + 13, "e", bar_what[i])
		printf "<rect x=\"355\" y=\"%d\" width=\"%.1f\" height=\"13\" rx=\"2\" " \
			"class=\"%s\"/>\n", y + 3, width, bar_met[i] == "yes" ? "y" : "n" >svg
		line(355 + 180 * bar_goal[i], y + 1, 355 + 180 * bar_goal[i], y + 18, "k")
		put_text(728, y + 13, "", sprintf("%.2f", bar_ratio[i]))
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
			points = points sprintf(" %.1f,%.1f", x_of(count[i]), y_of(us))
	}
	printf "<polyline class=\"p %s\" points=\"%s\"/>\n", class, substr(points, 2) >svg
	line(legend, bottom + 42, legend + 28, bottom + 42, "p " class)
	put_text(legend + 34, bottom + 46, "s", label)
	legend += 165
}

function draw_latency(y,    i, us) {
	put_text(20, y, "t", "Latency against clients with one request each")
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
	y = draw_bars(50, ">=", "More is better: ratio to the limit, at least the mark")
	y = draw_bars(y, "<=", "Less is better: ratio to the limit, at most the mark")
	draw_latency(y)
	print "</svg>" >svg
}

END {
	key_done()
	print machine
	print "part,what,unit,value,reference,ratio,goal,met" >csv
	goals()
	requests()
	others()
	printf "\n"
	picture()
}
