using Pampa.Jobs;

namespace Pampa.Working;

/// <summary>What a START does that has met a lock or a refusal.</summary>
internal sealed partial class Node
{
    private static readonly TimeSpan LongestSearch = TimeSpan.FromSeconds(2);

    // They stay reserved, and are tried again when the table is free.
    private void PutBack(Lane lane, IEnumerable<(Reservation Reservation, long Session)> rows) =>
        Deliver(lane, rows.Select(row => row.Reservation), areReadBack: true);

    // One row is locked, or a rule of the table refuses it: the others go on alone.
    private async Task StartSinglyAsync(Lane lane, IReadOnlyList<(Reservation Reservation, long Session)> rows, CancellationToken stopping)
    {
        var began = time.GetTimestamp();
        for (var i = 0; i < rows.Count; i++)
        {
            if (lane.Load.TableLock.IsResting || time.GetElapsedTime(began) >= LongestSearch)
            {
                // Each locked one costs a wait, and meanwhile nothing of the other jobs is started.
                PutBack(lane, rows.Skip(i));
                return;
            }
            var row = rows[i];
            lane.Know(row.Reservation.Key, row.Reservation.Claim);
            workers[slots[row.Reservation.Worker]].Expect(1);
            await StartRowsAsync(lane, [row], stopping);
        }
    }
}
