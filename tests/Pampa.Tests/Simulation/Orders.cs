namespace Pampa.Tests.Simulation;

/// <summary>Rules of what a process may ask for, whatever the database would make of it: they keep it from wasting work, and some keep it right.</summary>
internal static class Orders
{
    public static void Check(SimulatedProcess process, Sent sent)
    {
        var trust = process.Trust;
        void Require(bool holds, string rule)
        {
            if (!holds) throw new BrokenRuleException($"{rule}: {process} {sent}");
        }

        Parts.Check(process, sent);
        switch (sent.Kind)
        {
            case "START":
                Require(trust.NodeMay, "a node starts although its leases cannot be trusted");
                Require(!trust.DoubtsOfNode.Contains(sent.Job!.Name), "a node starts while it does not know what it holds");
                Require(!process.Holds.NodeKnows(sent), "a node starts what it knows to be held");
                if (sent.Job!.BatchSize > 0) Require(sent.Rows.All(r => !process.Busy.Contains(r.Worker)), "something is started behind a batch");
                foreach (var row in sent.Rows.Where(r => r.Rest[1] != "0"))
                {
                    Require(sent.Rows.Count(r => r.Worker == row.Worker) == 1, "a record that was tried before is started with others");
                    Require(!process.Busy.Contains(row.Worker), "a record that was tried before is started behind another");
                }
                break;
            case "RESERVE" or "RESERVE AND START" or "RECLAIM" or "EXHAUST" or "REPEAT":
                Require(trust.DispatcherMay, "a dispatcher goes on although its lease cannot be trusted");
                if (IsReserve(sent) && IsForOwn(process, sent))
                    Require(!trust.DoubtsOfDispatcher.Contains(sent.Job!.Name), "a dispatcher reserves while its node does not know what it holds");
                Require(!IsReserve(sent) || sent is not { Job: { IsAsked: true } asked }
                        || sent.Rows.All(r => process.Told.GetValueOrDefault((asked.Name, r.Worker))),
                    "a dispatcher reserves for a worker that may have nothing");
                Require(!IsReserve(sent) || !process.Holds.DispatcherKnows(sent), "a dispatcher reserves what it knows to be held");
                break;
            case "WATCH":
                process.Holds.Watch();
                break;
            case "MAIL" or "HOLDS":
                process.Holds.Ask(sent.Kind == "MAIL");
                break;
        }
    }

    public static void Unanswered(SimulatedProcess process, Sent sent)
    {
        // What other nodes got waits for them, and shows there.
        if (sent.Kind == "START" || (sent.IsWrite && IsReserve(sent) && IsForOwn(process, sent))) process.Trust.Doubts.Add(sent.Job!.Name);
    }

    private static bool IsReserve(Sent sent) => sent.Kind is "RESERVE" or "RESERVE AND START";

    private static bool IsForOwn(SimulatedProcess process, Sent sent) =>
        sent.Rows.Any(r => process.Membership.Workers.Any(w => w.Worker == r.Worker));

    public static void Answered(SimulatedProcess process, Sent sent, World world, long sentAt)
    {
        var trust = process.Trust;
        switch (sent.Kind)
        {
            case "OWN":
                trust.Doubts.Remove(sent.Job!.Name);
                trust.DoubtsOfDispatcher.Remove(sent.Job.Name);
                trust.DoubtsOfNode.Remove(sent.Job.Name);
                break;
            case "MAIL":
                process.Holds.TellNode();
                break;
            case "HOLDS":
                process.Holds.TellDispatcher();
                break;
            case "WATCH":
                world.Watchtower.Watch(process);
                break;
            case "REGISTER":
                trust.Member = sentAt;
                trust.NodeMay = true;
                process.Registrations++;
                break;
            case "HEARTBEAT" when process.Membership.Workers.All(w => world.Db.Lives().Exists(l => l.Worker == w.Worker && l.Session == w.Session)):
                trust.Member = sentAt;
                // It may come while a cycle of the node waits for the database.
                trust.NodeMay = true;
                break;
            case "ACQUIRE" or "RENEW" when world.Db.Lease()?.Holder == process.Holder:
                trust.Leader = sentAt;
                trust.DispatcherMay = true;
                break;
        }
    }
}
