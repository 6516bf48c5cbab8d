namespace Pampa.Tests.EndToEnd;

/// <summary>The sample with priorities, sequences and times of the records' own.</summary>
public sealed class MailsTests(ProgramFixture programs)
{
    [Theory, InlineData(nameof(Fixtures.Engine.Sqlite)), InlineData(nameof(Fixtures.Engine.PostgreSql)), InlineData(nameof(Fixtures.Engine.Portable))]
    public async Task Each_customer_gets_mails_in_order_and_none_before_its_time(string engine)
    {
        await using var database = await NumbersDatabase.CreateAsync(Enum.Parse<Fixtures.Engine>(engine), programs, new Readiness("samples/mails.cs"));
        var run = await programs.StartAsync("samples/mails.cs", [.. database.Arguments, "--drain", "--workers", "8"], database.Environment);

        Assert.Equal(0, await run.EndAsync());

        Assert.Equal(300, await database.CountAsync("send_mails_success AND sent_by = send_mails_reservation_id", "mails"));
        Assert.Equal(1, await database.CountAsync("id = 1000 AND send_mails_reservation_id IS NULL AND send_mails_end_time IS NULL", "mails"));
        Assert.Equal(0, await database.CountAsync(
            "EXISTS (SELECT 1 FROM mails AS m WHERE m.customer_id = mails.customer_id AND m.id < mails.id AND m.send_mails_end_time > mails.send_mails_start_time)", "mails"));
    }
}
